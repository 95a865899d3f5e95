"""What runs before a chapter when the report is built: pandas shows its tables whole."""

from pandas import set_option as _set_option

for _what in ("max_rows", "max_columns", "max_colwidth", "width"):
    _set_option(f"display.{_what}", None)
