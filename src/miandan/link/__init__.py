"""The agents' door (打印端入口): pairing by a one-use code, and the WebSocket over which agents get their sheets.

It translates between the link's messages and the verbs of printing/, keeps one link per agent, and holds no rule and no
SQL.
"""
