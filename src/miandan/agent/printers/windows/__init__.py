"""The Windows spooler by ctypes. Nothing in here was ever run on Windows: only the marshalling is tested."""
