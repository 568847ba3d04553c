// The theme's search is a dialog without a name; a screen reader should be told what it opens.
for (const dialog of document.querySelectorAll(".md-search[role=dialog]")) dialog.setAttribute("aria-label", "Search");
