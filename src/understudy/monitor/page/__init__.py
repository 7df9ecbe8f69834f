"""The page in the browser, one small file for each panel and dialog of it."""
