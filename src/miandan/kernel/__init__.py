"""Ground: settings, database, migrations, errors, ids, clock, jobs.

Everything else stands on it; it knows nothing of the trade. It may touch the machine: files, processes, PostgreSQL.
"""
