"""Recipients under lock: sealing, masks, search indexes, reveals with a purpose, shredding, the audit chain.

Plain recipient data exists only in here and in the hands of whom a purpose allows. Touches the kernel only.
"""
