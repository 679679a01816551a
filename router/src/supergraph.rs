//! Validate, plan, execute, project.
