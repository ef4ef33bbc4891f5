//! Expressions.

use super::super::ast::*;
use super::super::scan::{Token, TokenKind};
use super::Parser;
use crate::source::{Span, Spanned};

impl Parser<'_> {
    pub(super) fn invalid(&self, span: Span) -> Expr {
        Expr::new(ExprKind::Invalid, span)
    }

    pub(super) fn expression(&mut self) -> Expr {
        if !self.enter() {
            return self.invalid(self.span(self.peek()));
        }
        let expr = self.conditional();
        self.depth -= 1;
        expr
    }

    fn conditional(&mut self) -> Expr {
        let errors = self.errors.len();
        let condition = self.operators();
        if self.lost(errors) || !self.peek_is(TokenKind::Question) {
            return condition;
        }
        self.read();
        let errors = self.errors.len();
        let yes = self.expression();
        if self.lost(errors) {
            return condition;
        }
        let colon = self.peek();
        if colon.kind != TokenKind::Colon {
            let detail = "A colon (:) and the value for a false condition must follow here.";
            self.error("Missing false expression in conditional", detail, colon);
            return condition;
        }
        self.read();
        let errors = self.errors.len();
        let no = self.expression();
        if self.lost(errors) {
            return condition;
        }
        let span = condition.span.cover(no.span);
        Expr::new(ExprKind::Conditional(Box::new(Conditional { condition, yes, no })), span)
    }

    /// Binary operators by precedence. Chains that wait for an operand lie on a stack, loosest first.
    fn operators(&mut self) -> Expr {
        let mut chains: Vec<(u8, Spanned<BinaryOperator>, Binary)> = Vec::new();
        let errors = self.errors.len();
        let mut operand = self.postfix();
        while !self.lost(errors) {
            let token = self.peek();
            let Some((level, operator)) = binary_operator(token.kind) else { break };
            self.read();
            let operator = Spanned::new(operator, self.span(token));
            while let Some((_, pending, chain)) = chains.pop_if(|(of, ..)| *of > level) {
                operand = chained(chain, pending, operand);
            }
            match chains.last_mut() {
                Some((of, pending, chain)) if *of == level => {
                    chain.rest.push((std::mem::replace(pending, operator), operand));
                }
                _ => chains.push((level, operator, Binary { first: operand, rest: Vec::new() })),
            }
            operand = self.postfix();
        }
        while let Some((_, pending, chain)) = chains.pop() {
            operand = chained(chain, pending, operand);
        }
        operand
    }

    fn postfix(&mut self) -> Expr {
        let term = self.term();
        self.steps(term)
    }

    fn add_step(&self, source: Expr, step: Step) -> Expr {
        let span = source.span.cover(step.span);
        let kind = match source.kind {
            ExprKind::Traversal(mut traversal) => {
                traversal.steps.push(step);
                ExprKind::Traversal(traversal)
            }
            ExprKind::Access(mut access) => {
                access.steps.push(step);
                ExprKind::Access(access)
            }
            kind => {
                let source = Expr::new(kind, source.span);
                ExprKind::Access(Box::new(Access { source, steps: vec![step] }))
            }
        };
        Expr::new(kind, span)
    }

    /// `.0`: an index in the form that Terraform's first language had.
    fn legacy_index(&mut self, dot: Token) -> Step {
        let number = self.read();
        let text = self.slice(number);
        if let Some((first, second)) = text.split_once('.') {
            let detail = format!("Indexes behind dots cannot be chained. Write [{first}][{second}].");
            self.error("Invalid legacy index syntax", detail, number);
        }
        let key = self.number(number);
        Step { kind: StepKind::Key(Box::new(key)), span: self.between(dot, number) }
    }

    fn number(&mut self, token: Token) -> Expr {
        let text = self.slice(token);
        if !is_number(text) {
            self.error("Invalid number literal", "This is not a number.", token);
            return self.invalid(self.span(token));
        }
        Expr::new(ExprKind::Number(text.to_owned()), self.span(token))
    }

    fn steps(&mut self, mut expr: Expr) -> Expr {
        // Steps nest without recursion here, but the tree that they make must not be too deep for its readers.
        let depth = self.depth;
        loop {
            let token = self.peek();
            match token.kind {
                TokenKind::Dot => {
                    let dot = self.read();
                    let next = self.peek();
                    match next.kind {
                        TokenKind::Ident => {
                            self.read();
                            let kind = StepKind::Attribute(self.slice(next).to_owned());
                            expr = self.add_step(expr, Step { kind, span: self.between(dot, next) });
                        }
                        TokenKind::Number => {
                            let step = self.legacy_index(dot);
                            expr = self.add_step(expr, step);
                        }
                        TokenKind::Star => {
                            if !self.enter() {
                                break;
                            }
                            expr = self.attribute_splat(expr, dot);
                        }
                        _ => {
                            self.error("Invalid attribute name", "A name must follow the dot.", next);
                            expr = self.invalid(expr.span.cover(self.span(dot)));
                            self.recovery = true;
                        }
                    }
                }
                TokenKind::OpenBracket => {
                    let open = self.read();
                    if !self.enter() {
                        break;
                    }
                    expr = match self.peek().kind {
                        TokenKind::Star => self.full_splat(expr, open),
                        _ => {
                            let before = self.depth;
                            let indexed = self.index(expr, open);
                            self.depth = before;
                            if matches!(indexed.kind, ExprKind::Traversal(_) | ExprKind::Access(_)) {
                                self.depth -= 1;
                            }
                            indexed
                        }
                    };
                }
                _ => break,
            }
        }
        self.depth = depth;
        expr
    }

    /// `.*` and the attributes behind it, which are all that it applies to.
    fn attribute_splat(&mut self, source: Expr, dot: Token) -> Expr {
        let star = self.read();
        let marker = self.between(dot, star);
        let mut each = Expr::new(ExprKind::Each, marker);
        while self.peek_is(TokenKind::Dot) {
            let dot = self.read();
            let next = self.peek();
            match next.kind {
                TokenKind::Ident => {
                    self.read();
                    let kind = StepKind::Attribute(self.slice(next).to_owned());
                    each = self.add_step(each, Step { kind, span: self.between(dot, next) });
                }
                TokenKind::Number => {
                    let step = self.legacy_index(dot);
                    each = self.add_step(each, step);
                }
                _ => {
                    match next.kind {
                        TokenKind::Star => self.echo(
                            "Nested splat expression not allowed",
                            "A second .* cannot follow. Use [*] for both.",
                            next,
                        ),
                        _ => self.echo("Invalid attribute name", "A name must follow the dot.", star),
                    }
                    self.recovery = true;
                    return source;
                }
            }
        }
        let span = source.span.cover(each.span);
        Expr::new(ExprKind::Splat(Box::new(Splat { source, each, marker })), span)
    }

    /// `[*]` and all steps behind it.
    fn full_splat(&mut self, source: Expr, open: Token) -> Expr {
        self.read();
        let mut close = self.read();
        if close.kind != TokenKind::CloseBracket && !self.recovery {
            let detail = "A closing bracket (]) must follow the star at once.";
            self.error("Missing close bracket on splat index", detail, close);
            close = self.recover(TokenKind::CloseBracket);
        }
        let marker = self.between(open, close);
        let each = self.steps(Expr::new(ExprKind::Each, marker));
        let span = source.span.cover(each.span);
        Expr::new(ExprKind::Splat(Box::new(Splat { source, each, marker })), span)
    }

    fn index(&mut self, collection: Expr, open: Token) -> Expr {
        self.newlines.push(false);
        let errors = self.errors.len();
        let key = self.expression();
        let close = if self.lost(errors) {
            self.recover(TokenKind::CloseBracket)
        } else {
            let close = self.read();
            if close.kind != TokenKind::CloseBracket && !self.recovery {
                self.error("Missing close bracket on index", "A closing bracket (]) must follow the index.", close);
                self.recover(TokenKind::CloseBracket)
            } else {
                close
            }
        };
        self.newlines.pop();
        let brackets = self.between(open, close);
        let constant = match &key.kind {
            ExprKind::Number(_) | ExprKind::Bool(_) | ExprKind::Null => true,
            ExprKind::Template(_) => key.literal().is_some(),
            _ => false,
        };
        if constant {
            return self.add_step(collection, Step { kind: StepKind::Key(Box::new(key)), span: brackets });
        }
        let span = collection.span.cover(brackets);
        let open = self.span(open);
        Expr::new(ExprKind::Index(Box::new(Index { collection, key, open, brackets })), span)
    }

    fn term(&mut self) -> Expr {
        let start = self.peek();
        match start.kind {
            TokenKind::OpenParen => self.parens(),
            TokenKind::Number => {
                self.read();
                self.number(start)
            }
            TokenKind::Ident => {
                self.read();
                let span = self.span(start);
                if matches!(self.peek().kind, TokenKind::OpenParen | TokenKind::DoubleColon) {
                    return self.call(start);
                }
                let kind = match self.slice(start) {
                    "true" => ExprKind::Bool(true),
                    "false" => ExprKind::Bool(false),
                    "null" => ExprKind::Null,
                    _ => ExprKind::Traversal(Box::new(Traversal { root: self.word(start), steps: Vec::new() })),
                };
                Expr::new(kind, span)
            }
            TokenKind::OpenQuote => {
                self.read();
                let open = self.span(start);
                self.template(open, TemplateForm::Quoted, TokenKind::CloseQuote)
            }
            TokenKind::OpenHeredoc => {
                self.read();
                let form = match self.slice(start).starts_with("<<-") {
                    true => TemplateForm::FlushHeredoc,
                    false => TemplateForm::Heredoc,
                };
                let open = self.span(start);
                self.template(open, form, TokenKind::CloseHeredoc)
            }
            TokenKind::Minus | TokenKind::Bang => {
                self.read();
                if !self.enter() {
                    return self.invalid(self.span(start));
                }
                let operand = self.postfix();
                self.depth -= 1;
                let operator = if start.kind == TokenKind::Minus { UnaryOperator::Negate } else { UnaryOperator::Not };
                let operator = Spanned::new(operator, self.span(start));
                let span = operator.span.cover(operand.span);
                Expr::new(ExprKind::Unary(Box::new(Unary { operator, operand })), span)
            }
            TokenKind::OpenBracket => self.tuple(),
            TokenKind::OpenBrace => self.object(),
            kind => {
                match kind {
                    TokenKind::End => {
                        self.echo("Missing expression", "The file ends where an expression must begin.", start);
                    }
                    _ => self.echo("Invalid expression", "An expression must begin here.", start),
                }
                self.recovery = true;
                self.invalid(self.span(start))
            }
        }
    }

    fn parens(&mut self) -> Expr {
        let open = self.read();
        self.newlines.push(false);
        let errors = self.errors.len();
        let inner = self.expression();
        if self.errors.len() > errors {
            self.recover(TokenKind::CloseParen);
            self.newlines.pop();
            return inner;
        }
        let close = self.peek();
        if close.kind != TokenKind::CloseParen {
            self.error("Unbalanced parentheses", "A closing parenthesis must follow the expression.", close);
            self.recovery = true;
        }
        self.read();
        self.newlines.pop();
        Expr::new(ExprKind::Parens(Box::new(inner)), self.between(open, close))
    }

    fn call(&mut self, first: Token) -> Expr {
        let mut open = self.read();
        let mut last = first;
        let mut name = self.slice(first).to_owned();
        while open.kind == TokenKind::DoubleColon {
            let part = self.read();
            if part.kind != TokenKind::Ident {
                self.error("Missing function name", "A function's name must follow the two colons.", part);
                self.recover_over(TokenKind::OpenParen, TokenKind::CloseParen);
                return self.invalid(self.between(first, part));
            }
            name.push_str("::");
            name.push_str(self.slice(part));
            last = part;
            open = self.read();
        }
        let name = Spanned::new(name, self.between(first, last));
        if open.kind != TokenKind::OpenParen {
            let detail = "An opening parenthesis must follow the function's name.";
            self.error("Missing open parenthesis", detail, open);
            self.recover_over(TokenKind::OpenParen, TokenKind::CloseParen);
            return self.invalid(self.between(first, open));
        }
        self.newlines.push(false);
        let mut arguments: Vec<Element> = Vec::new();
        let mut expand = None;
        let close = loop {
            if self.peek_is(TokenKind::CloseParen) {
                break self.read();
            }
            let errors = self.errors.len();
            let value = self.expression();
            arguments.push(Element { value, comma: None });
            if self.lost(errors) {
                break self.recover(TokenKind::CloseParen);
            }
            let separator = self.read();
            match separator.kind {
                TokenKind::CloseParen => break separator,
                TokenKind::Ellipsis => {
                    expand = Some(self.span(separator));
                    if self.peek_is(TokenKind::CloseParen) {
                        break self.read();
                    }
                    let detail = "The closing parenthesis must follow the dots that spread an argument.";
                    self.echo("Missing closing parenthesis", detail, separator);
                    break self.recover(TokenKind::CloseParen);
                }
                TokenKind::Comma => {
                    let comma = self.span(separator);
                    if let Some(argument) = arguments.last_mut() {
                        argument.comma = Some(comma);
                    }
                }
                TokenKind::End => {
                    let detail = "The file ends before the closing parenthesis of this call.";
                    self.errors.push(Error::new("Unterminated function call", detail, self.between(first, open)));
                    break self.recover(TokenKind::CloseParen);
                }
                _ => {
                    self.error("Missing argument separator", "A comma must separate arguments.", separator);
                    break self.recover(TokenKind::CloseParen);
                }
            }
        };
        self.newlines.pop();
        let span = self.between(first, close);
        let call = Call { name, open: self.span(open), arguments, expand, close: self.span(close) };
        Expr::new(ExprKind::Call(Box::new(call)), span)
    }

    fn tuple(&mut self) -> Expr {
        let open = self.read();
        self.newlines.push(false);
        let expr = match self.is_word(self.peek(), "for") {
            true => self.for_expression(open, TokenKind::CloseBracket),
            false => self.tuple_elements(open),
        };
        self.newlines.pop();
        expr
    }

    fn tuple_elements(&mut self, open: Token) -> Expr {
        let mut elements: Vec<Element> = Vec::new();
        let close = loop {
            if self.peek_is(TokenKind::CloseBracket) {
                break self.read();
            }
            let errors = self.errors.len();
            let value = self.expression();
            elements.push(Element { value, comma: None });
            if self.lost(errors) {
                break self.recover(TokenKind::CloseBracket);
            }
            let next = self.peek();
            match next.kind {
                TokenKind::CloseBracket => break self.read(),
                TokenKind::Comma => {
                    self.read();
                    let comma = self.span(next);
                    if let Some(element) = elements.last_mut() {
                        element.comma = Some(comma);
                    }
                }
                _ => {
                    match next.kind {
                        TokenKind::End => self.echo(
                            "Unterminated tuple constructor expression",
                            "The file ends before the closing bracket of this list.",
                            open,
                        ),
                        _ => self.echo("Missing item separator", "A comma must separate the elements of a list.", next),
                    }
                    break self.recover(TokenKind::CloseBracket);
                }
            }
        };
        let span = self.between(open, close);
        let tuple = Tuple { open: self.span(open), elements, close: self.span(close) };
        Expr::new(ExprKind::Tuple(Box::new(tuple)), span)
    }

    fn object(&mut self) -> Expr {
        let open = self.read();
        // Only objects heed line ends, a `for` in braces does not.
        self.newlines.push(false);
        let is_for = self.is_word(self.peek(), "for");
        let expr = if is_for {
            self.for_expression(open, TokenKind::CloseBrace)
        } else {
            self.newlines.push(true);
            let expr = self.object_entries(open);
            self.newlines.pop();
            expr
        };
        self.newlines.pop();
        expr
    }

    fn object_entries(&mut self, open: Token) -> Expr {
        let mut entries: Vec<Entry> = Vec::new();
        let close = loop {
            let next = self.peek();
            match next.kind {
                TokenKind::Newline => {
                    self.read();
                    continue;
                }
                TokenKind::CloseBrace => break self.read(),
                _ => {}
            }
            let parens = next.kind == TokenKind::OpenParen;
            let errors = self.errors.len();
            let key = self.expression();
            if self.lost(errors) {
                break self.recover(TokenKind::CloseBrace);
            }
            let separator = self.peek();
            if !matches!(separator.kind, TokenKind::Equal | TokenKind::Colon) {
                self.missing_separator(open, separator);
                break self.recover(TokenKind::CloseBrace);
            }
            self.read();
            let errors = self.errors.len();
            let value = self.expression();
            let separator = self.span(separator);
            entries.push(Entry { key, parens, separator, value, comma: None });
            if self.lost(errors) {
                break self.recover(TokenKind::CloseBrace);
            }
            let next = self.peek();
            match next.kind {
                TokenKind::CloseBrace => break self.read(),
                TokenKind::Comma => {
                    self.read();
                    let comma = self.span(next);
                    if let Some(entry) = entries.last_mut() {
                        entry.comma = Some(comma);
                    }
                }
                TokenKind::Newline => {
                    self.read();
                }
                _ => {
                    match next.kind {
                        TokenKind::End => self.unterminated_object(open),
                        _ => self.echo(
                            "Missing attribute separator",
                            "A line end or a comma must separate the entries of an object.",
                            next,
                        ),
                    }
                    break self.recover(TokenKind::CloseBrace);
                }
            }
        };
        let span = self.between(open, close);
        let object = Object { open: self.span(open), entries, close: self.span(close), json: false };
        Expr::new(ExprKind::Object(Box::new(object)), span)
    }

    fn unterminated_object(&mut self, open: Token) {
        let detail = "The file ends before the closing brace of this object.";
        self.echo("Unterminated object constructor expression", detail, open);
    }

    fn missing_separator(&mut self, open: Token, next: Token) {
        const SUMMARY: &str = "Missing key/value separator";
        match next.kind {
            TokenKind::Newline | TokenKind::Comma => {
                self.echo("Missing attribute value", "An equals sign (=) and a value must follow the key.", next);
            }
            TokenKind::Ident => self.echo(
                SUMMARY,
                "An equals sign (=) must follow the key. A key with dots or blanks must be quoted.",
                next,
            ),
            TokenKind::End => self.unterminated_object(open),
            _ => self.echo(SUMMARY, "An equals sign (=) must follow the key.", next),
        }
    }

    fn for_expression(&mut self, open: Token, close: TokenKind) -> Expr {
        self.read();
        match self.for_parts(open, close) {
            Ok(expr) => expr,
            Err(()) => {
                let end = self.recover(close);
                self.invalid(self.between(open, end))
            }
        }
    }

    /// The names, the `in` and the collection that `for` begins with. The mistake if that is not what follows.
    #[allow(clippy::type_complexity, reason = "private and unpacked at once")]
    pub(super) fn for_intro(&mut self) -> Result<(Option<Spanned<String>>, Spanned<String>), &'static str> {
        let mut name = self.peek();
        if name.kind != TokenKind::Ident {
            return Err("A name must follow \"for\".");
        }
        self.read();
        let mut key_name = None;
        if self.peek_is(TokenKind::Comma) {
            self.read();
            key_name = Some(self.word(name));
            name = self.peek();
            if name.kind != TokenKind::Ident {
                return Err("A second name must follow the comma.");
            }
            self.read();
        }
        if !self.is_word(self.peek(), "in") {
            return Err("The word \"in\" must follow the names.");
        }
        self.read();
        Ok((key_name, self.word(name)))
    }

    fn for_parts(&mut self, open: Token, close_kind: TokenKind) -> Result<Expr, ()> {
        const SUMMARY: &str = "Invalid 'for' expression";
        let (key_name, value_name) = match self.for_intro() {
            Ok(names) => names,
            Err(detail) => {
                let at = self.peek();
                self.echo(SUMMARY, detail, at);
                return Err(());
            }
        };
        let errors = self.errors.len();
        let collection = self.expression();
        if self.lost(errors) {
            return Err(());
        }
        let colon = self.peek();
        if colon.kind != TokenKind::Colon {
            self.echo(SUMMARY, "A colon (:) must follow the collection.", colon);
            return Err(());
        }
        self.read();
        let errors = self.errors.len();
        let mut value = self.expression();
        let mut key = None;
        if self.peek_is(TokenKind::FatArrow) {
            self.read();
            key = Some(std::mem::replace(&mut value, self.invalid(self.span(colon))));
            value = self.expression();
        }
        if self.lost(errors) {
            return Err(());
        }
        let mut group = None;
        if self.peek_is(TokenKind::Ellipsis) {
            let token = self.read();
            group = Some(self.span(token));
        }
        let mut condition = None;
        if self.is_word(self.peek(), "if") {
            self.read();
            let errors = self.errors.len();
            condition = Some(self.expression());
            if self.lost(errors) {
                return Err(());
            }
        }
        let mut close = self.peek();
        if close.kind == close_kind {
            self.read();
        } else {
            self.echo(SUMMARY, "The expression is complete, but more text follows.", close);
            close = self.recover(close_kind);
        }
        let blame = match (close_kind == TokenKind::CloseBrace, &key, group) {
            (false, Some(key), _) => Some(("A list has no keys: only one value may follow the colon.", key.span)),
            (false, None, Some(dots)) => Some(("Values can be grouped (...) in an object only.", dots)),
            (true, None, _) => Some(("An object needs a key and a value: key => value.", value.span)),
            _ => None,
        };
        if let Some((detail, span)) = blame {
            self.errors.push(Error::new(SUMMARY, detail, span));
        }
        let span = self.between(open, close);
        let (open, close) = (self.span(open), self.span(close));
        let of = For { open, key_name, value_name, collection, key, value, condition, group, close };
        Ok(Expr::new(ExprKind::For(Box::new(of)), span))
    }
}

/// Ends a chain of operators.
fn chained(mut chain: Binary, pending: Spanned<BinaryOperator>, operand: Expr) -> Expr {
    let span = chain.first.span.cover(operand.span);
    chain.rest.push((pending, operand));
    Expr::new(ExprKind::Binary(Box::new(chain)), span)
}

/// Whether the text is a number of the decimal syntax that cty reads: digits, a fraction, an exponent.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let whole = match mantissa.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(mantissa),
    };
    whole && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

/// The precedence of an operator, 0 being the loosest.
fn binary_operator(kind: TokenKind) -> Option<(u8, BinaryOperator)> {
    Some(match kind {
        TokenKind::Or => (0, BinaryOperator::Or),
        TokenKind::And => (1, BinaryOperator::And),
        TokenKind::EqualEqual => (2, BinaryOperator::Equal),
        TokenKind::NotEqual => (2, BinaryOperator::NotEqual),
        TokenKind::Greater => (3, BinaryOperator::Greater),
        TokenKind::GreaterEqual => (3, BinaryOperator::GreaterOrEqual),
        TokenKind::Less => (3, BinaryOperator::Less),
        TokenKind::LessEqual => (3, BinaryOperator::LessOrEqual),
        TokenKind::Plus => (4, BinaryOperator::Add),
        TokenKind::Minus => (4, BinaryOperator::Subtract),
        TokenKind::Star => (5, BinaryOperator::Multiply),
        TokenKind::Slash => (5, BinaryOperator::Divide),
        TokenKind::Percent => (5, BinaryOperator::Modulo),
        _ => return None,
    })
}
