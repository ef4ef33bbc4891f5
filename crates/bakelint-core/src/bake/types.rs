//! The types of HCL values: cty's type system as Bake uses it.
//!
//! Types are compared structurally and are cheap to clone. [`Type::Any`] stands where any type is accepted; a value
//! has it only when it is an untyped null or not known at all.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The type of a [`Value`](super::value::Value), or a constraint on it.
#[derive(Clone, PartialEq, Eq)]
pub enum Type {
    /// Unicode text.
    String,
    /// A binary floating-point number of any size.
    Number,
    /// `true` or `false`.
    Bool,
    /// Any type (cty's dynamic pseudo-type).
    Any,
    /// Raw bytes. No expression produces such a value, but two functions want one.
    Bytes,
    /// A sequence of elements of one type.
    List(Arc<Type>),
    /// Distinct elements of one type, in the order of their values.
    Set(Arc<Type>),
    /// Text keys with values of one type.
    Map(Arc<Type>),
    /// A sequence whose length and element types belong to the type.
    Tuple(Arc<[Type]>),
    /// Attribute names with a type each.
    Object(Arc<ObjectType>),
}

/// The attributes of a [`Type::Object`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectType {
    attributes: BTreeMap<Arc<str>, Attribute>,
}

/// One attribute of an [`ObjectType`].
#[derive(Debug, Clone, PartialEq, Eq)]
struct Attribute {
    ty: Type,
    optional: bool,
}

impl ObjectType {
    /// The attributes in byte order of their names.
    pub fn attributes(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, &Type)> {
        self.attributes.iter().map(|(name, attribute)| (name, &attribute.ty))
    }

    /// The type of the attribute `name`.
    pub fn get(&self, name: &str) -> Option<&Type> {
        Some(&self.attributes.get(name)?.ty)
    }

    /// Whether a conversion to this type may leave out the attribute `name`.
    pub fn is_optional(&self, name: &str) -> bool {
        self.attributes.get(name).is_some_and(|attribute| attribute.optional)
    }

    /// Number of attributes.
    pub fn len(&self) -> usize {
        self.attributes.len()
    }

    /// Whether there is no attribute.
    pub fn is_empty(&self) -> bool {
        self.attributes.is_empty()
    }
}

impl Type {
    /// `list(element)`.
    pub fn list(element: Type) -> Type {
        Type::List(Arc::new(element))
    }

    /// `set(element)`.
    pub fn set(element: Type) -> Type {
        Type::Set(Arc::new(element))
    }

    /// `map(element)`.
    pub fn map(element: Type) -> Type {
        Type::Map(Arc::new(element))
    }

    /// `tuple([elements…])`.
    pub fn tuple(elements: impl IntoIterator<Item = Type>) -> Type {
        Type::Tuple(elements.into_iter().collect())
    }

    /// `object({name = type, …})` with required attributes.
    pub fn object<N: Into<Arc<str>>>(attributes: impl IntoIterator<Item = (N, Type)>) -> Type {
        Type::object_with_optional(attributes.into_iter().map(|(name, ty)| (name, ty, false)))
    }

    /// `object({name = type, …})`; the flag says whether the attribute is `optional(type)`.
    pub fn object_with_optional<N: Into<Arc<str>>>(attributes: impl IntoIterator<Item = (N, Type, bool)>) -> Type {
        let attributes =
            attributes.into_iter().map(|(name, ty, optional)| (name.into(), Attribute { ty, optional })).collect();
        Type::Object(Arc::new(ObjectType { attributes }))
    }

    /// Whether it is a string, a number or a bool.
    pub fn is_primitive(&self) -> bool {
        matches!(self, Type::String | Type::Number | Type::Bool)
    }

    /// Whether it is a list, a set or a map.
    pub fn is_collection(&self) -> bool {
        matches!(self, Type::List(_) | Type::Set(_) | Type::Map(_))
    }

    /// The element type of a list, a set or a map.
    pub fn element(&self) -> Option<&Type> {
        match self {
            Type::List(element) | Type::Set(element) | Type::Map(element) => Some(element),
            _ => None,
        }
    }

    /// The element types of a tuple.
    pub fn elements(&self) -> Option<&[Type]> {
        match self {
            Type::Tuple(elements) => Some(elements),
            _ => None,
        }
    }

    /// The attributes of an object.
    pub fn attributes(&self) -> Option<&ObjectType> {
        match self {
            Type::Object(object) => Some(object),
            _ => None,
        }
    }

    /// Whether [`Type::Any`] occurs anywhere in it.
    pub fn has_any(&self) -> bool {
        match self {
            Type::Any => true,
            Type::String | Type::Number | Type::Bool | Type::Bytes => false,
            Type::List(element) | Type::Set(element) | Type::Map(element) => element.has_any(),
            Type::Tuple(elements) => elements.iter().any(Type::has_any),
            Type::Object(object) => object.attributes().any(|(_, ty)| ty.has_any()),
        }
    }

    /// The same type with every `optional(T)` made a plain `T`, at any depth. Values never have optional attributes.
    pub fn without_optional(&self) -> Type {
        if !self.has_optional() {
            return self.clone();
        }
        match self {
            Type::List(element) => Type::list(element.without_optional()),
            Type::Set(element) => Type::set(element.without_optional()),
            Type::Map(element) => Type::map(element.without_optional()),
            Type::Tuple(elements) => Type::tuple(elements.iter().map(Type::without_optional)),
            Type::Object(object) => {
                Type::object(object.attributes().map(|(name, ty)| (name.clone(), ty.without_optional())))
            }
            Type::String | Type::Number | Type::Bool | Type::Any | Type::Bytes => self.clone(),
        }
    }

    fn has_optional(&self) -> bool {
        match self {
            Type::String | Type::Number | Type::Bool | Type::Any | Type::Bytes => false,
            Type::List(element) | Type::Set(element) | Type::Map(element) => element.has_optional(),
            Type::Tuple(elements) => elements.iter().any(Type::has_optional),
            Type::Object(object) => object.attributes.values().any(|a| a.optional || a.ty.has_optional()),
        }
    }

    /// The name that messages about a value's type use: `list of string`, `object`, `dynamic`.
    pub fn friendly_name(&self) -> String {
        self.name("dynamic", "dynamic")
    }

    /// The name that messages about an expected type use: `any type` and `list of any single type` where
    /// [`friendly_name`](Type::friendly_name) says `dynamic`.
    pub fn constraint_name(&self) -> String {
        self.name("any type", "any single type")
    }

    fn name(&self, any: &str, any_element: &str) -> String {
        let of = |collection: &str, element: &Type| match element {
            Type::Any => format!("{collection} of {any_element}"),
            _ => format!("{collection} of {}", element.name(any, any_element)),
        };
        match self {
            Type::String => "string".into(),
            Type::Number => "number".into(),
            Type::Bool => "bool".into(),
            Type::Any => any.into(),
            Type::Bytes => "bytes".into(),
            Type::List(element) => of("list", element),
            Type::Set(element) => of("set", element),
            Type::Map(element) => of("map", element),
            Type::Tuple(_) => "tuple".into(),
            Type::Object(_) => "object".into(),
        }
    }
}

/// Writes the type as a type expression: `list(string)`, `object({a = optional(number)})`.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::String => f.write_str("string"),
            Type::Number => f.write_str("number"),
            Type::Bool => f.write_str("bool"),
            Type::Any => f.write_str("any"),
            Type::Bytes => f.write_str("bytes"),
            Type::List(element) => write!(f, "list({element})"),
            Type::Set(element) => write!(f, "set({element})"),
            Type::Map(element) => write!(f, "map({element})"),
            Type::Tuple(elements) => {
                f.write_str("tuple([")?;
                for (index, element) in elements.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{element}")?;
                }
                f.write_str("])")
            }
            Type::Object(object) => {
                f.write_str("object({")?;
                for (index, (name, attribute)) in object.attributes.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    match attribute.optional {
                        true => write!(f, "{comma}{name} = optional({})", attribute.ty)?,
                        false => write!(f, "{comma}{name} = {}", attribute.ty)?,
                    }
                }
                f.write_str("})")
            }
        }
    }
}

impl fmt::Debug for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
