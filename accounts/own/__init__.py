"""What people do with their own account: password, second factor, sessions, copy, deletion."""
