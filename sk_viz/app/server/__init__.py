"""The server behind the pages: jobs, log, memory, visitors."""
