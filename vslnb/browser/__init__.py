"""The browser of ranked retrievals: view model, session, widget and static pages."""
