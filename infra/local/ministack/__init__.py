"""Every hook on MiniStack's private names, in this folder alone.

The names are where they are in the pinned version and are no contract of MiniStack's: `names`
lists them, and each has a test that fails when an upgrade moves it. Import this package only in
the server process, after `server.configure` has set MiniStack's environment.
"""
