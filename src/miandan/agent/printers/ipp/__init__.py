"""The Internet Printing Protocol (RFC 8010, RFC 8011), as much of it as a printer's queue needs; written from the RFCs."""
