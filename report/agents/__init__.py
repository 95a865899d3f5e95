"""The trained agents that the report is about: their protocol, the files, and the command that makes both."""
