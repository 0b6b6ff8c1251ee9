//! "Nueva orden": who brings what, and what is wrong with it. Client and device are picked or made on the way.

use super::login::focus;
use super::said::said;
use crate::api::{Api, Client, NewClient, NewEquipment, NewOrder, Refusal};
use crate::components::{Dialog, Field, fault_of};
use crate::i18n::use_words;
use std::cell::RefCell;
use std::rc::Rc;
use stylist::yew::use_style;
use wasm_bindgen_futures::spawn_local;
use yew::{
    Callback, Event, Html, InputEvent, MouseEvent, Properties, SubmitEvent, TargetCast, UseStateHandle,
    component, html, use_effect_with, use_node_ref, use_state,
};

/// Clients that the picker shows at once; writing more of the name finds the others.
const PICKS: usize = 6;

#[derive(PartialEq, Properties)]
pub struct NewOrderProps {
    pub api: Api,
    /// What was written when the dialog was last left.
    pub draft: Rc<RefCell<Option<Draft>>>,
    pub on_close: Callback<()>,
    /// It exists now.
    pub on_created: Callback<()>,
    /// The session is over.
    pub on_expired: Callback<()>,
}

/// Everything that is written into the form.
#[derive(Clone, Default, PartialEq)]
pub struct Draft {
    search: String,
    client: Option<Client>,
    new_client: bool,
    name: String,
    email: String,
    phone: String,
    /// The first password of a new client.
    password: String,
    equipment: String,
    new_equipment: bool,
    kind: String,
    device: String,
    brand: String,
    model: String,
    serial: String,
    problem: String,
}

#[derive(Clone, Copy, PartialEq)]
enum Missing {
    Client,
    Name,
    Email,
    Equipment,
    Device,
    Brand,
    Model,
    Problem,
}

impl Draft {
    fn blank() -> Draft {
        Draft { kind: "LAPTOP".into(), password: first_password(), ..Draft::default() }
    }

    fn missing(&self) -> Vec<Missing> {
        let empty = |text: &str| text.trim().is_empty();
        let new_equipment = self.new_equipment || self.new_client;
        [
            (!self.new_client && self.client.is_none(), Missing::Client),
            (self.new_client && empty(&self.name), Missing::Name),
            (self.new_client && !looks_like_email(&self.email), Missing::Email),
            (!new_equipment && self.client.is_some() && empty(&self.equipment), Missing::Equipment),
            (new_equipment && empty(&self.device), Missing::Device),
            (new_equipment && empty(&self.brand), Missing::Brand),
            (new_equipment && empty(&self.model), Missing::Model),
            (empty(&self.problem), Missing::Problem),
        ]
        .into_iter()
        .filter_map(|(missing, what)| missing.then_some(what))
        .collect()
    }

    /// Step by step; what was made stays made, and is not made again when a later step is refused.
    async fn create(mut self, api: &Api, made: &Callback<Draft>) -> Result<(), Refusal> {
        if self.new_client {
            let client = NewClient {
                name: self.name.trim(),
                email: self.email.trim(),
                password: &self.password,
                phone: self.phone.trim(),
            };
            let id = api.add_client(&client).await?;
            self.client = Some(Client {
                id,
                name: self.name.clone(),
                last_name: None,
                email: Some(self.email.clone()),
                phone: None,
                equipments: Vec::new(),
            });
            self.new_client = false;
            self.new_equipment = true;
            made.emit(self.clone());
        }
        let Some(client) = self.client.clone() else { return Ok(()) };
        if self.new_equipment {
            let device = NewEquipment {
                name: self.device.trim(),
                kind: &self.kind,
                brand: self.brand.trim(),
                model: self.model.trim(),
                serial_number: self.serial.trim(),
                user_id: &client.id,
            };
            self.equipment = api.add_equipment(&device).await?;
            self.new_equipment = false;
            made.emit(self.clone());
        }
        api.add_order(&NewOrder { equipment_id: &self.equipment, problem_description: self.problem.trim() })
            .await
    }
}

fn looks_like_email(text: &str) -> bool {
    let text = text.trim();
    text.split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !text.contains(' '))
}

#[component]
pub fn NewOrderDialog(props: &NewOrderProps) -> Html {
    let words = use_words();
    let draft = use_state(|| props.draft.borrow().clone().unwrap_or_else(Draft::blank));
    {
        // Leaving asks nothing because it loses nothing.
        let kept = props.draft.clone();
        use_effect_with((*draft).clone(), move |draft| *kept.borrow_mut() = Some(draft.clone()));
    }
    let clients = use_state(|| None::<Vec<Client>>);
    let fault = use_state(|| None::<String>);
    let sending = use_state(|| false);
    // Faults are shown once someone tried to send, and then as they write.
    let tried = use_state(|| false);
    let first = use_node_ref();
    {
        let (api, clients, fault, on_expired) =
            (props.api.clone(), clients.clone(), fault.clone(), props.on_expired.clone());
        let first = first.clone();
        use_effect_with((), move |()| {
            spawn_local(async move {
                // After the dialog has opened, or it would give the focus back to what is inside it.
                focus(&first);
                match api.clients().await {
                    Ok(list) => clients.set(Some(list)),
                    Err(refusal) => fault.set(said(refusal, words, &on_expired)),
                }
            });
        });
    }
    let change = {
        let draft = draft.clone();
        move |with: fn(&mut Draft, String)| {
            let draft = draft.clone();
            Callback::from(move |text: String| {
                let mut next = (*draft).clone();
                with(&mut next, text);
                draft.set(next);
            })
        }
    };
    let flip = {
        let draft = draft.clone();
        move |with: fn(&mut Draft)| {
            let draft = draft.clone();
            Callback::from(move |_: MouseEvent| {
                let mut next = (*draft).clone();
                with(&mut next);
                draft.set(next);
            })
        }
    };
    let submit = {
        let (draft, sending, tried, fault) = (draft.clone(), sending.clone(), tried.clone(), fault.clone());
        let (api, kept, on_created, on_expired) =
            (props.api.clone(), props.draft.clone(), props.on_created.clone(), props.on_expired.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            tried.set(true);
            if *sending || !draft.missing().is_empty() {
                return;
            }
            sending.set(true);
            fault.set(None);
            let made = {
                let draft = draft.clone();
                Callback::from(move |next| draft.set(next))
            };
            let (order, api, sending, fault) =
                ((*draft).clone(), api.clone(), sending.clone(), fault.clone());
            let (kept, on_created, on_expired) = (kept.clone(), on_created.clone(), on_expired.clone());
            spawn_local(async move {
                match order.create(&api, &made).await {
                    Ok(()) => {
                        kept.take();
                        on_created.emit(());
                    }
                    Err(refusal) => {
                        sending.set(false);
                        fault.set(said(refusal, words, &on_expired));
                    }
                }
            });
        })
    };
    let missing = if *tried { draft.missing() } else { Vec::new() };
    let needed = |what: Missing| {
        missing.contains(&what).then_some(if what == Missing::Email {
            words.invalid_email
        } else {
            words.needed
        })
    };
    let problem = {
        let write = change(|draft, text| draft.problem = text);
        Callback::from(move |event: InputEvent| {
            write.emit(event.target_unchecked_into::<web_sys::HtmlTextAreaElement>().value())
        })
    };
    let close = props.on_close.reform(|_: MouseEvent| ());

    let client = if draft.new_client {
        html! {
            <>
                <Field id="o-name" label={words.name} value={draft.name.clone()} on_input={change(|draft, text| draft.name = text)} fault={needed(Missing::Name)} />
                <div class="pairs">
                    <Field id="o-email" kind="email" label={words.email} value={draft.email.clone()} on_input={change(|draft, text| draft.email = text)} fault={needed(Missing::Email)} />
                    <Field id="o-phone" kind="tel" label={words.phone} hint={words.optional} value={draft.phone.clone()} on_input={change(|draft, text| draft.phone = text)} />
                </div>
                <p class="m">{ words.password_note }{ " " }<b class="id">{ &draft.password }</b></p>
                <button type="button" class="lnk start" onclick={flip(|draft| draft.new_client = false)}>{ words.known_client }</button>
            </>
        }
    } else {
        html! { <ClientPicker draft={draft.clone()} clients={(*clients).clone()} fault={needed(Missing::Client)} node={first.clone()} on_new={flip(|draft| {
            draft.new_client = true;
            draft.client = None;
            draft.name = std::mem::take(&mut draft.search);
        })} /> }
    };
    let known: Vec<_> = draft.client.iter().flat_map(|client| client.equipments.clone()).collect();
    let equipment = if draft.new_client || draft.new_equipment {
        let kind = {
            let write = change(|draft, text| draft.kind = text);
            Callback::from(move |event: Event| {
                write.emit(event.target_unchecked_into::<web_sys::HtmlSelectElement>().value())
            })
        };
        let back = (!draft.new_client && !known.is_empty())
            .then(|| html! { <button type="button" class="lnk start" onclick={flip(|draft| draft.new_equipment = false)}>{ words.known_equipment }</button> });
        html! {
            <>
                <div class="pairs">
                    <div class="field"><label for="o-kind">{ words.kind }</label><select class="in" id="o-kind" onchange={kind}>
                        { for words.kinds.iter().map(|(code, label)| html! { <option value={*code} selected={draft.kind == *code}>{ *label }</option> }) }
                    </select></div>
                    <Field id="o-device" label={words.equipment} placeholder="MacBook Pro 14" value={draft.device.clone()} on_input={change(|draft, text| draft.device = text)} fault={needed(Missing::Device)} />
                </div>
                <div class="pairs">
                    <Field id="o-brand" label={words.brand} value={draft.brand.clone()} on_input={change(|draft, text| draft.brand = text)} fault={needed(Missing::Brand)} />
                    <Field id="o-model" label={words.model} value={draft.model.clone()} on_input={change(|draft, text| draft.model = text)} fault={needed(Missing::Model)} />
                </div>
                <Field id="o-serial" label={words.serial} hint={words.optional} value={draft.serial.clone()} on_input={change(|draft, text| draft.serial = text)} />
                { back }
            </>
        }
    } else if draft.client.is_some() {
        let pick = {
            let write = change(|draft, text| draft.equipment = text);
            Callback::from(move |event: Event| {
                write.emit(event.target_unchecked_into::<web_sys::HtmlSelectElement>().value())
            })
        };
        html! {
            <div class="field"><label for="o-equipment">{ words.equipment }</label>
                <select class="in" id="o-equipment" onchange={pick} aria-invalid={needed(Missing::Equipment).map(|_| "true")}>
                    <option value="" selected={draft.equipment.is_empty()}>{ words.choose }</option>
                    { for known.iter().map(|one| html! { <option value={one.id.clone()} selected={draft.equipment == one.id}>{ &one.name }</option> }) }
                </select>
                { fault_of("o-equipment-fault", needed(Missing::Equipment)) }
                <button type="button" class="lnk start" onclick={flip(|draft| draft.new_equipment = true)}>{ words.new_equipment }</button>
            </div>
        }
    } else {
        html! {}
    };
    let problem_fault = needed(Missing::Problem);
    html! {
        <Dialog id="new-order" title={words.new_order} on_close={props.on_close.clone()}>
            <form class="form" onsubmit={submit} novalidate=true>
                { client }
                { equipment }
                <div class="field"><label for="o-problem">{ words.problem }</label>
                    <textarea class="in text" id="o-problem" rows="3" placeholder={words.problem_hint} value={draft.problem.clone()} oninput={problem}
                        aria-invalid={problem_fault.map(|_| "true")} aria-describedby={problem_fault.map(|_| "o-problem-fault")} />
                    { fault_of("o-problem-fault", problem_fault) }
                </div>
                { fault_of("o-fault", fault.as_deref()) }
                <div class="row end"><button type="button" class="btn bare" onclick={close}>{ words.cancel }</button>
                    <button class="btn pri" disabled={*sending}>{ if *sending { words.creating } else { words.create_order } }</button></div>
            </form>
        </Dialog>
    }
}

#[derive(PartialEq, Properties)]
struct ClientPickerProps {
    draft: UseStateHandle<Draft>,
    clients: Option<Vec<Client>>,
    fault: Option<&'static str>,
    node: yew::NodeRef,
    on_new: Callback<MouseEvent>,
}

#[component]
fn ClientPicker(props: &ClientPickerProps) -> Html {
    let words = use_words();
    let looks = use_style!(
        r#"
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        max-height: 11rem;
        overflow-y: auto;
        border: 1px solid var(--ln);
        border-radius: var(--r1);

        & > button {
            display: flex;
            justify-content: space-between;
            gap: var(--p2);
            padding: var(--p1) var(--p3);
            min-height: 2.25rem;
            align-items: center;
            text-align: left;
        }

        & > button > small {
            flex: none;
        }

        & > button:hover {
            background: var(--s2);
        }
        "#
    );
    let draft = &props.draft;
    if let Some(client) = &draft.client {
        let change = {
            let draft = draft.clone();
            Callback::from(move |_: MouseEvent| {
                draft.set(Draft {
                    client: None,
                    equipment: String::new(),
                    new_equipment: false,
                    ..(*draft).clone()
                });
            })
        };
        return html! {
            <div class="field"><span class="label">{ words.client }</span>
                <div class="row picked"><b class="cut">{ full_name(client) }</b><button type="button" class="lnk push" onclick={change}>{ words.known_client }</button></div>
            </div>
        };
    }
    let search = {
        let draft = draft.clone();
        Callback::from(move |text: String| draft.set(Draft { search: text, ..(*draft).clone() }))
    };
    let wanted = draft.search.trim().to_lowercase();
    let found: Vec<_> = props.clients.iter().flatten().filter(|client| matches(client, &wanted)).collect();
    let picks = found.iter().take(PICKS).map(|client| {
        let pick = {
            let (draft, client) = (draft.clone(), (*client).clone());
            Callback::from(move |_: MouseEvent| {
                let equipment = match client.equipments.as_slice() {
                    [only] => only.id.clone(),
                    _ => String::new(),
                };
                let new_equipment = client.equipments.is_empty();
                draft.set(Draft { client: Some(client.clone()), equipment, new_equipment, ..(*draft).clone() });
            })
        };
        html! { <button type="button" key={client.id.clone()} onclick={pick}><span class="cut">{ full_name(client) }</span><small>{ client.phone.clone().or_else(|| client.email.clone()) }</small></button> }
    });
    let nobody = found.is_empty() && props.clients.is_some();
    html! {
        <div class="field">
            <Field id="o-client" label={words.client} placeholder={words.search_client} value={draft.search.clone()} on_input={search} fault={props.fault} node={props.node.clone()} />
            if nobody { <p class="m">{ words.no_such_client }</p> } else { <div class={looks.get_class_name().to_owned()} role="group" aria-label={words.clients}>{ for picks }</div> }
            <button type="button" class="lnk start" onclick={props.on_new.clone()}>{ words.new_client }</button>
        </div>
    }
}

fn full_name(client: &Client) -> String {
    match &client.last_name {
        Some(last) if !last.is_empty() => format!("{} {last}", client.name),
        _ => client.name.clone(),
    }
}

fn matches(client: &Client, wanted: &str) -> bool {
    let has = |text: &Option<String>| text.as_ref().is_some_and(|text| text.to_lowercase().contains(wanted));
    full_name(client).to_lowercase().contains(wanted) || has(&client.email) || has(&client.phone)
}

/// Easy to read out, hard to guess: twelve of 32 characters, from the browser's generator.
fn first_password() -> String {
    const CHARACTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789-";
    let mut bytes = [0; 12];
    if let Ok(crypto) = crate::api::window().crypto() {
        let _ = crypto.get_random_values_with_u8_array(&mut bytes);
    }
    bytes.iter().map(|byte| char::from(CHARACTERS[usize::from(byte % 32)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_depends_on_what_is_picked_and_what_is_made() {
        let missing = |draft: &Draft| draft.missing().len();
        let mut draft = Draft::default();
        assert_eq!(missing(&draft), 2, "a client and a problem");
        draft.new_client = true;
        assert_eq!(missing(&draft), 6, "name, email, device, brand, model, problem");
        (draft.name, draft.email) = ("Ana".into(), "ana@correo.ec".into());
        (draft.device, draft.brand, draft.model, draft.problem) =
            ("XPS".into(), "Dell".into(), "13".into(), "x".into());
        assert_eq!(missing(&draft), 0);
        draft.email = "ana@correo".into();
        assert_eq!(missing(&draft), 1);
    }
}
