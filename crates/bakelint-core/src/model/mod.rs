//! What the project is: Dockerfiles, bake files, compose files, workflows, and the builds that join them.
