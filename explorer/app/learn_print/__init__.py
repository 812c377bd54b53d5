"""The pages of Learn mode that are plain HTML: the glossary, and handouts to print."""
