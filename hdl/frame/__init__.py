"""What layers of every kind are built in: beats, memories, banks, tables and small steps."""
