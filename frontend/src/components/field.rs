//! A label, an input, and what is wrong with it.

use super::icon;
use yew::{AttrValue, Callback, Html, InputEvent, NodeRef, Properties, TargetCast, component, html};

#[derive(PartialEq, Properties)]
pub struct FieldProps {
    pub id: AttrValue,
    pub label: AttrValue,
    pub value: AttrValue,
    pub on_input: Callback<String>,
    #[prop_or(AttrValue::Static("text"))]
    pub kind: AttrValue,
    #[prop_or(AttrValue::Static("off"))]
    pub autocomplete: AttrValue,
    /// Which keys a phone shows.
    #[prop_or_default]
    pub keys: Option<AttrValue>,
    #[prop_or_default]
    pub hint: AttrValue,
    #[prop_or_default]
    pub placeholder: AttrValue,
    #[prop_or_default]
    pub fault: Option<AttrValue>,
    #[prop_or_default]
    pub node: NodeRef,
    /// Something inside the input's right end.
    #[prop_or_default]
    pub inside: Html,
}

#[component]
pub fn Field(props: &FieldProps) -> Html {
    let on_input = props
        .on_input
        .reform(|event: InputEvent| event.target_unchecked_into::<web_sys::HtmlInputElement>().value());
    let fault_id = format!("{}-fault", props.id);
    let invalid = props.fault.is_some().then_some("true");
    let described = props.fault.is_some().then(|| fault_id.clone());
    let hint = (!props.hint.is_empty()).then(|| html! { <span class="m">{ " · " }{ &props.hint }</span> });
    html! {
        <div class="field">
            <label for={&props.id}>{ &props.label }{ hint }</label>
            <div class="row">
                <input class="in" id={&props.id} ref={props.node.clone()} type={&props.kind} value={&props.value}
                    placeholder={&props.placeholder} autocomplete={&props.autocomplete} inputmode={props.keys.clone()} aria-invalid={invalid}
                    aria-describedby={described} oninput={on_input} />
                { props.inside.clone() }
            </div>
            { props.fault.as_ref().map(|text| said(&fault_id, text, None)) }
        </div>
    }
}

/// What is wrong with a whole form. An input's fault is read with the input, so only this one is announced.
pub fn fault_of(id: &str, text: Option<&str>) -> Html {
    text.map(|text| said(id, text, Some("alert"))).unwrap_or_default()
}

fn said(id: &str, text: &str, role: Option<&'static str>) -> Html {
    html! { <p class="err" id={id.to_owned()} {role}>{ icon("alert") }<span>{ text.to_owned() }</span></p> }
}
