"""`rollcall up --watch`: files that appear in a folder are uploaded, and their results written beside them."""
