"""The server: everything opened once, the doors under their prefixes on one port, and what falls due by itself.

It opens and puts together; each door says for itself what it answers.
"""
