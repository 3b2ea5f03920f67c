"""The functions of the `fn:` namespace (XQuery and XPath Functions and Operators 3.1), by the chapters of that document."""
