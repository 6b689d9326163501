"""The viewer: a page in the browser, its service and its REST interface."""
