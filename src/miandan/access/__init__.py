"""Who is calling: apps and their secrets, who has let them in and for what, the tokens that say so.

`service` keeps the register of apps, `tokens` lets them in and out, `Doorkeeper` answers at the doors. Touches the
kernel only; whether a shop or a carrier exists, a room above knows.
"""
