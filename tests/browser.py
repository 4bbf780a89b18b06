"""Pages as a browser shows them."""


def look(browser, file, width, scheme="light"):
    """Open a file; give the page, and all that the browser said of it or fetched for it."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url))
    page.goto(file.as_uri())
    return page, said
