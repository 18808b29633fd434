"""Who may come in and what they may do: roles, accounts, passwords, and the pace of guessing."""
