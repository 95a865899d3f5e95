"""Commands that make files of the report: its bar data and its cover."""
