//! Bake files that mean what they seem to say.

mod ambiguous_name;
mod bake_error;
mod changing_build_arg;
mod circular_definition;
mod conflicting_output;
mod deprecated_formatdate;
mod diverging_compose_build;
mod duplicate_target;
mod emptied_build_arg;
mod ignored_attribute;
mod interpolated_inline_variable;
mod invalid_tag;
mod lost_metadata_tags;
mod mismatched_link_platforms;
mod misused_override;
mod redeclared_variable;
mod secret_in_build_arg;
mod shared_destination;
mod shared_tag;
mod stage_not_asked_for;
mod uncleared_list;
mod undeclared_build_arg;
mod ungranted_entitlement;
mod uninherited_reference;
mod unknown_requested_target;
mod unknown_target;
mod unlinked_image;
mod unloaded_image;
mod unpushed_link;
mod unsupported_network;
mod untagged_push;
mod untyped_collection;
mod unused_definition;
mod zeroed_ulimit;

use bakelint_core::rule::Rule;

/// The rules of the theme.
pub const RULES: &[Rule] = bakelint_core::rules![
    "bake": ambiguous_name, bake_error, changing_build_arg, circular_definition, conflicting_output, deprecated_formatdate, diverging_compose_build, duplicate_target, emptied_build_arg, ignored_attribute, interpolated_inline_variable, invalid_tag, lost_metadata_tags, mismatched_link_platforms, misused_override, redeclared_variable, secret_in_build_arg, shared_destination, shared_tag, stage_not_asked_for, uncleared_list, undeclared_build_arg, ungranted_entitlement, uninherited_reference, unknown_requested_target, unknown_target, unlinked_image, unloaded_image, unpushed_link, unsupported_network, untagged_push, untyped_collection, unused_definition, zeroed_ulimit,
];
