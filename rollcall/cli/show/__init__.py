"""What people look at: tables, reports, contact sheets, progress."""
