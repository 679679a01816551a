//! Sample data: what the demo's people think of the demo's posts.
