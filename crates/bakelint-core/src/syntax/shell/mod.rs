//! Shell command lists of RUN instructions and workflow steps.
