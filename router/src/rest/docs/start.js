// Shows the OpenAPI document that the script's own tag names.
SwaggerUIBundle({
  url: document.currentScript.dataset.openapi,
  domNode: document.getElementById("page"),
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  // Else a badge would send every visitor's document to a server of another company.
  validatorUrl: null,
});
