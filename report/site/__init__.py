"""The report's pages: a Sphinx extension, what it does to texts and notebooks, and the assets of the pages."""
