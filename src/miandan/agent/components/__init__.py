"""The loopback components (本机打印组件): the protocols of the platforms' own print components, spoken to ERP pages.

Off by default. One WebSocket core on 127.0.0.1 and ::1; each component is a row of profiles.toml and one of two ways of
speaking. What is asked for becomes sheets that the agent prints like any other (`model.py` says what is wanted of it);
no plain data of a person is ever written down here.
"""
