"""Published figures: measured, compared, and drawn into the documents."""
