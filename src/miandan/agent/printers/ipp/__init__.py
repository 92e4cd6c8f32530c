"""The Internet Printing Protocol (RFC 8010, RFC 8011), what a printer's queue needs of it; written from the RFCs."""
