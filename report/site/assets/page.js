/* What every page of the report does besides drawing figures (that is figures.js). */
(function () {
  "use strict";

  const fromFolder = location.protocol === "file:";

  const run = (address) => {
    const script = document.createElement("script");
    script.src = address;
    document.head.append(script);
    return script;
  };

  /* MathJax stands in the page as a script that the browser leaves alone, until this is called. Resolves when it can set
   * labels, at once on a page without mathematics. */
  let math;
  window.optexecMath = () => {
    if (math) return math;
    const waiting = document.querySelector('script[type="text/plain"][src*="mathjax/"]');
    math = !waiting
      ? Promise.resolve()
      : new Promise((resolve) => {
          const script = run(waiting.src);
          script.onload = () => window.MathJax.startup.promise.then(resolve, resolve);
          script.onerror = () => {
            document.documentElement.dataset.math = "failed"; // show the source
            resolve();
          };
        });
    return math;
  };
  if (!document.querySelector(".optexec-figure")) window.optexecMath(); // else figures.js does, after the first figure

  /* All of the page is in some landmark, for those who jump from one to the next. */
  const sidebar = document.getElementById("pst-primary-sidebar");
  if (sidebar) Object.assign(sidebar, { role: "complementary", ariaLabel: "Report" });

  /* What the search button says has to begin with what it shows, for those who speak to it. */
  document.querySelectorAll(".search-button-field").forEach((button) => button.removeAttribute("aria-label"));

  /* Paper is white, and nobody can unfold it: a page is printed in its light mode, with its dropdowns open. Code that is
   * folded, beside the point, is left out. */
  const { dataset } = document.documentElement;
  let theme, folded;
  addEventListener("beforeprint", () => {
    theme = dataset.theme;
    dataset.theme = "light";
    folded = [...document.querySelectorAll("details.sd-dropdown:not([open])")];
    folded.forEach((dropdown) => (dropdown.open = true));
  });
  addEventListener("afterprint", () => {
    dataset.theme = theme;
    folded.forEach((dropdown) => (dropdown.open = false));
  });

  /* Search results cannot quote pages that the browser may not fetch; they give the pages' descriptions instead. */
  const results = document.getElementById("search-results");
  if (fromFolder && results) {
    DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
    window.optexecDescribe = (descriptions) => {
      const describe = () => {
        for (const item of results.querySelectorAll("li:not([data-described])")) {
          const page = item.querySelector("a").pathname.split("/").pop();
          item.dataset.described = page;
          if (!descriptions[page] || results.querySelector(`li[data-described="${page}"] .context`)) continue;
          const text = document.createElement("p");
          text.className = "context";
          text.textContent = descriptions[page];
          item.append(text);
        }
      };
      new MutationObserver(describe).observe(results, { childList: true, subtree: true });
      describe();
    };
    run("_static/descriptions.js");
  }

  /* The chapter as a notebook. Opened from a folder, a browser would show the file instead of saving it; it may run a
   * script from there, though, and that script hands over the text. */
  const link = document.querySelector('a[href$=".ipynb"].btn-notebook');
  if (link) {
    link.removeAttribute("target");
    link.download = link.href.split("/").pop();
    if (fromFolder) {
      link.addEventListener("click", (event) => {
        event.preventDefault();
        window.optexecSave = (text) => {
          const saver = document.createElement("a");
          saver.href = URL.createObjectURL(new Blob([text], { type: "application/x-ipynb+json" }));
          saver.download = link.download;
          saver.click();
          setTimeout(() => URL.revokeObjectURL(saver.href), 60000);
        };
        run(`_static/notebooks/${link.download.replace(/\.ipynb$/, ".js")}`);
      });
    }
  }
})();
