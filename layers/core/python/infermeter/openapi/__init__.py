"""The OpenAPI document of the HTTP API, made from its routes and from the models' signatures.

Source: OpenAPI Specification 3.1.0, https://spec.openapis.org/oas/v3.1.0.
"""
