"""What each chapter of the report measures and draws: a module a chapter, with the chapter's number and name."""
