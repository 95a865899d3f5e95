/* Draws the report's plotly figures. report/site/figures.py puts each figure in the page once, as JSON, and loads this
 * file, deferred, after plotly.min.js.
 *
 * What a figure can rely on:
 *   - it is as wide as the text, and as tall as layout.height (450 px if unset);
 *   - below 560 px layout.meta.phone, an object of overrides, is merged into the layout, key by key;
 *   - background, text, grid and controls take the page's colours and follow its light and dark modes, unless
 *     the figure itself sets them: colours of data are the figure's own and have to work on both;
 *   - a label may be TeX between dollar signs;
 *   - sliders can be reached and moved with the keyboard, and say what they are set to;
 *   - a toolbar, above the figure where the pointer or the focus is, saves it as PNG or SVG under the name of its cell;
 *   - on paper it shrinks to the sheet, without its controls and in the colours of the light mode.
 *
 * Figures are drawn one by one, with a pause between two in which the browser shows the last: what the reader sees
 * first comes first, then the others from the top.
 *
 * The attribute data-state of its element goes from nothing to "drawn" (or "failed").
 */
(function () {
  "use strict";

  const PHONE_WIDTH = 560;

  const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

  /* A deep copy of base with the leaves of over laid on top. An object laid on a list goes by index, so that
   * phone: {annotations: {0: {x: 0}}} moves one annotation. */
  function merge(base, over) {
    if (Array.isArray(base) && isObject(over)) {
      const list = base.map((item) => merge(item, undefined));
      for (const key of Object.keys(over)) list[Number(key)] = merge(list[Number(key)], over[key]);
      return list;
    }
    if (over === undefined) return base === undefined ? undefined : JSON.parse(JSON.stringify(base));
    if (!isObject(over)) return JSON.parse(JSON.stringify(over));
    const result = isObject(base) ? merge(base, undefined) : {};
    for (const key of Object.keys(over)) result[key] = merge(result[key], over[key]);
    return result;
  }

  /* The page's colours as plotly can read them: the browser resolves whatever the style sheet says. */
  function palette() {
    const probe = document.createElement("span");
    document.body.append(probe);
    const colour = (name, fallback) => {
      probe.style.color = `var(${name}, ${fallback})`;
      return getComputedStyle(probe).color;
    };
    const colours = {
      ink: colour("--pst-color-text-base", "#222"),
      muted: colour("--pst-color-text-muted", "#666"),
      line: colour("--pst-color-border", "#ccc"),
      page: colour("--pst-color-background", "#fff"),
      surface: colour("--pst-color-surface", "#eee"),
    };
    probe.remove();
    return colours;
  }

  const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

  /* Room for what a figure shows and no more, where its template says nothing about it. */
  function spacing(phone) {
    const small = phone ? { font: { size: 12 } } : {};
    const axis = { automargin: true, ticklabelstandoff: 4, title: small };
    return {
      layout: {
        margin: { l: 8, r: 8, t: 32, b: 8 },
        xaxis: axis,
        yaxis: axis,
        legend: phone ? { orientation: "h", x: 0, xanchor: "left", y: 1.04, yanchor: "bottom" } : {},
        // below the title of the axis
        sliderdefaults: { pad: { t: 48, b: 8 }, currentvalue: { font: { size: phone ? 12 : 15 } } },
      },
    };
  }

  /* The page's colours, whatever the template says. */
  function colours() {
    const c = palette();
    const clear = "rgba(0,0,0,0)";
    const axis = { gridcolor: c.line, zerolinecolor: c.line, zerolinewidth: 1, linecolor: c.muted, tickcolor: c.muted };
    const scene = { ...axis, backgroundcolor: clear };
    return {
      layout: {
        paper_bgcolor: clear,
        plot_bgcolor: clear,
        font: { color: c.ink },
        title: { font: { color: c.ink } },
        xaxis: axis,
        yaxis: axis,
        scene: { xaxis: scene, yaxis: scene, zaxis: scene },
        legend: { bgcolor: clear },
        hoverlabel: { bgcolor: c.page, bordercolor: c.line, font: { color: c.ink } },
        modebar: { bgcolor: clear, color: c.muted, activecolor: c.ink },
        annotationdefaults: { arrowcolor: c.muted },
        sliderdefaults: {
          bgcolor: c.muted,
          activebgcolor: c.ink,
          bordercolor: c.page,
          tickcolor: c.muted,
          font: { color: c.ink },
          currentvalue: { font: { color: c.ink } },
        },
        updatemenudefaults: { bgcolor: c.surface, bordercolor: c.line, font: { color: c.ink } },
      },
    };
  }

  /* Being a template, this gives way to what the figure itself sets. */
  const themed = (template, phone) => merge(merge(spacing(phone), template), colours());

  /* An image of the figure as it stands, on the page's background. */
  const saveButton = (format) => ({
    name: `save ${format}`,
    title: `Save as ${format.toUpperCase()}`,
    icon: format === "png" ? Plotly.Icons.camera : Plotly.Icons.disk,
    click: (plot) => {
      const { width, height } = plot.getBoundingClientRect();
      const image = { data: plot.data, layout: { ...plot.layout, paper_bgcolor: palette().page } };
      const filename = plot.closest("figure[id]")?.id || "figure";
      return Plotly.downloadImage(image, { format, width, height, scale: 2, filename });
    },
  });

  /* The next frame, or soon where there are none: in a tab that nobody looks at. */
  const frame = () =>
    new Promise((resolve) => {
      requestAnimationFrame(() => setTimeout(resolve));
      setTimeout(resolve, 200);
    });

  const inSight = ({ element }) => {
    const { top, bottom } = element.getBoundingClientRect();
    return bottom > 0 && top < innerHeight;
  };

  /* One drawing at a time, those in sight first, and a frame after each. After the first comes the page's mathematics:
   * before it, that would keep the figure waiting, and after them all the text. */
  const waiting = [];
  let drawing = false;
  let printing = false;
  function inTurn(element, draw) {
    if (printing) return Promise.resolve().then(draw);
    return new Promise((resolve, reject) => {
      const settled = async () => draw(); // also where it throws
      waiting.push({ element, draw: () => settled().then(resolve, reject) });
      if (!drawing) drawAll();
    });
  }
  async function drawAll() {
    drawing = true;
    while (waiting.length > 0) {
      const [next] = waiting.splice(Math.max(waiting.findIndex(inSight), 0), 1);
      await next.draw();
      await frame();
      await window.optexecMath();
    }
    drawing = false;
  }

  const hasTex = (element) => /"\$[^"]*\$"/.test(element.textContent);

  class Figure {
    constructor(element) {
      this.element = element;
      this.spec = JSON.parse(element.querySelector('script[type="application/json"]').textContent);
      this.plot = document.createElement("div");
      element.append(this.plot);
      this.phone = null; // not drawn yet
      this.drawnIn = null; // the page's colours at that time
      this.width = 0;
      this.busy = Promise.resolve();
      if (hasTex(element)) this.then(() => window.optexecMath());
      // Also the moment at which a figure in a closed dropdown gets a width and can be drawn.
      new ResizeObserver(() => this.fit()).observe(element);
    }

    fit() {
      const width = this.element.clientWidth;
      if (width === 0 || width === this.width) return;
      this.width = width;
      const phone = width < PHONE_WIDTH;
      const change = () => Plotly.Plots.resize(this.plot);
      const drawAfresh = () => inTurn(this.element, () => this.draw(phone));
      this.then(phone === this.phone ? change : drawAfresh);
      this.phone = phone;
    }

    /* One thing at a time: a resize must not overtake a drawing. */
    then(change) {
      this.busy = this.busy.then(change).catch((error) => {
        this.element.dataset.state = "failed";
        console.error("A figure could not be drawn:", error);
      });
    }

    draw(phone) {
      const overrides = phone && this.spec.layout.meta && this.spec.layout.meta.phone;
      const layout = merge(this.spec.layout, overrides || undefined);
      layout.template = themed(layout.template, phone);
      this.drawnIn = palette();
      layout.autosize = true;
      delete layout.width;
      layout.height = layout.height || 450;
      // A finger on a figure should scroll the page, not draw a zoom box.
      if (layout.dragmode === undefined && matchMedia("(pointer: coarse)").matches) layout.dragmode = false;
      this.element.style.minHeight = `${layout.height}px`;
      return Plotly.newPlot(this.plot, {
        data: merge(this.spec.data, undefined),
        layout: layout,
        frames: merge(this.spec.frames || [], undefined),
        config: {
          displaylogo: false,
          showSendToCloud: false, // another host
          displayModeBar: phone ? false : "hover",
          modeBarButtonsToRemove: ["toImage", "select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d"],
          modeBarButtonsToAdd: [saveButton("png"), saveButton("svg")],
        },
      }).then(() => {
        // The description stands for the picture; legend, sliders and toolbar can be read.
        this.plot.querySelector(".main-svg").setAttribute("aria-hidden", "true");
        this.settle();
        this.plot.on("plotly_afterplot", () => this.settle());
        this.plot.on("plotly_sliderchange", () => this.describeSliders());
        this.element.dataset.state = "drawn";
      });
    }

    settle() {
      this.describeSliders();
      // With it the style sheet can fit the picture to a sheet of paper: a print waits for no drawing.
      for (const svg of this.plot.querySelectorAll(".main-svg"))
        svg.setAttribute("viewBox", `0 0 ${svg.getAttribute("width")} ${svg.getAttribute("height")}`);
      for (const text of this.plot.querySelectorAll(".annotation"))
        text.classList.toggle("slider-mark", text.textContent.startsWith("▴")); // figures/style.py puts it on the rail
    }

    /* plotly draws sliders for a pointer alone. Give them a place in the tab order, a name and a value. */
    describeSliders() {
      const sliders = this.plot.layout.sliders || [];
      this.plot.querySelectorAll(".slider-group").forEach((group, index) => {
        const { steps, active = 0, currentvalue = {} } = sliders[index];
        const attributes = {
          tabindex: 0,
          role: "slider",
          "aria-label": (currentvalue.prefix || "setting").replace(/[\s=:]+$/, ""),
          "aria-valuemin": 0,
          "aria-valuemax": steps.length - 1,
          "aria-valuenow": active,
          // the build spells a dollar so that plotly does not take it for TeX
          "aria-valuetext": `${steps[active].label}${currentvalue.suffix || ""}`.replaceAll("&#36;", "$"),
        };
        for (const [name, value] of Object.entries(attributes)) group.setAttribute(name, value);
        group.onkeydown = (event) => {
          const to = { ArrowLeft: active - 1, ArrowDown: active - 1, ArrowRight: active + 1, ArrowUp: active + 1,
            PageDown: active - 5, PageUp: active + 5, Home: 0, End: steps.length - 1 }[event.key];
          if (to === undefined) return;
          event.preventDefault();
          this.then(() => this.slide(index, Math.max(0, Math.min(to, steps.length - 1))));
        };
      });
    }

    /* What a pointer on the slider does. */
    async slide(index, to) {
      const { method = "restyle", args = [], execute = true } = this.plot.layout.sliders[index].steps[to];
      await Plotly.relayout(this.plot, `sliders[${index}].active`, to);
      if (execute && method !== "skip") await Plotly[method](this.plot, ...args);
      this.describeSliders();
    }

    recolour() {
      if (this.phone === null) return; // will be drawn in the right colours
      this.then(() => {
        if (same(this.drawnIn, palette())) return undefined;
        this.drawnIn = palette();
        return Plotly.relayout(this.plot, { template: themed(this.spec.layout.template, this.phone) });
      });
    }
  }

  const figures = [...document.querySelectorAll(".optexec-figure")].map((element) => new Figure(element));
  const first = figures.find(inSight) || figures.find(({ element }) => element.clientWidth > 0);
  if (first) first.fit();
  else window.optexecMath();
  const recolour = () => requestAnimationFrame(() => figures.forEach((figure) => figure.recolour()));
  new MutationObserver(recolour).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);

  /* A print waits for nothing: figures that wait for their turn are drawn at once, and drawn ones get other colours without
   * being drawn again. By now page.js has turned the page to its light mode, and opened its dropdowns. */
  let onScreen = [];
  addEventListener("beforeprint", () => {
    printing = true;
    waiting.splice(0).forEach((next) => next.draw());
    figures.filter(({ phone }) => phone === null).forEach((figure) => figure.fit());
    const paper = palette();
    for (const figure of figures.filter(({ drawnIn }) => drawnIn && !same(drawnIn, paper))) {
      const names = Object.fromEntries(Object.entries(figure.drawnIn).map(([name, colour]) => [colour, name]));
      for (const element of figure.plot.querySelectorAll(".main-svg [style]")) {
        const style = element.getAttribute("style");
        onScreen.push([element, style]);
        element.setAttribute("style", style.replace(/rgb\([^)]*\)/g, (colour) => paper[names[colour]] || colour));
      }
    }
  });
  addEventListener("afterprint", () => {
    onScreen.forEach(([element, style]) => element.setAttribute("style", style));
    onScreen = [];
    printing = false;
  });
})();
