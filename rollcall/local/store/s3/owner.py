"""There is one account, and everything belongs to it."""

OWNER = {"DisplayName": "rollcall", "ID": "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a"}
