"""The functions of the `fn:` namespace (XPath and XQuery Functions and Operators 3.1), by the chapters of it."""
