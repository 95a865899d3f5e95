"""The report on optimal execution: what it measures and draws, and the site that shows it."""
