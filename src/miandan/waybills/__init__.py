"""The heart: take, retake, cancel, recycle; the waybill document and its versions.

One parcel, one live number, whatever is retried, raced, killed or timed out.
"""
