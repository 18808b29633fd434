"""Events on their way out, as log lines and metrics; nothing comes back."""
