"""Pages for people (工作台): its first page is where a shop lets an app in; the workbench itself is still to come.

Pages need no script, load nothing from elsewhere, and are read on a phone as well as on a desk.
"""
