// Shows the OpenAPI document that the page names, with its operations in the order that the page gives.

const page = document.getElementById("page");
const order = JSON.parse(page.dataset.order);

const scheme = matchMedia("(prefers-color-scheme: dark)");
const setScheme = () => document.documentElement.classList.toggle("dark-mode", scheme.matches);
scheme.addEventListener("change", setScheme);
setScheme();

/** The place of an operation of Swagger UI in the order. */
function place(operation) {
  const index = order.indexOf(`${operation.get("method")} ${operation.get("path")}`);
  return index < 0 ? order.length : index;
}

/** Whether some operation needs a token. One that only accepts a token has a lock of its own. */
function needsToken({ paths }) {
  const operations = Object.values(paths).flatMap(Object.values);
  return operations.some(({ security = [] }) => security.length > 0 && security.every((way) => Object.keys(way).length > 0));
}

const ui = SwaggerUIBundle({
  url: page.dataset.openapi,
  domNode: page,
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  defaultModelsExpandDepth: 0,
  operationsSorter: (one, other) => place(one) - place(other),
  // Else a badge would send every visitor's document to a server of another company.
  validatorUrl: null,
  onComplete: () => page.classList.toggle("open", !needsToken(ui.specSelectors.specJson().toJS())),
});
