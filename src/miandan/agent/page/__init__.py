"""The local page (本机页面): what a packer sees of the agent and does with it, in a browser on the agent's own machine.

It listens on loopback alone and shows numbers and places, never a person. It holds no rule: it asks the agent, the
origins, the questions and the readings of calibrations, and says in words what came of it.
"""
