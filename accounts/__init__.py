"""People: users who sign in and readers with a library card."""
