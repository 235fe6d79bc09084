"""What all pages share: security, templates, responses."""
