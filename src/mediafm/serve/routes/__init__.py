"""The routes of `/v1`, a file for each thing asked about. Each makes its router from what it needs."""
