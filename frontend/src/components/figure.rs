//! A large figure that shows when it changes: once highlighted, and a chip that says by how much.

use gloo_timers::callback::Timeout;
use yew::{AttrValue, Html, Properties, component, html, use_effect_with, use_mut_ref, use_state};

/// How long the chip stays.
const CHIP_MS: u32 = 6_000;

#[derive(PartialEq, Properties)]
pub struct FigureProps {
    /// What is compared.
    pub value: i64,
    pub text: AttrValue,
    /// Behind the figure, smaller.
    #[prop_or_default]
    pub suffix: AttrValue,
    /// A difference as it is to be read, without its sign.
    pub difference: yew::Callback<u64, String>,
    #[prop_or_default]
    pub stale: bool,
}

#[component]
pub fn Figure(props: &FigureProps) -> Html {
    let before = use_mut_ref(|| props.value);
    // Each change has a number: as a key it makes the highlight start anew.
    let changed = use_state(|| None::<(u32, i64)>);
    let count = use_mut_ref(|| 0_u32);
    {
        let changed = changed.clone();
        use_effect_with(props.value, move |value| {
            let difference = value - before.replace(*value);
            let timer = (difference != 0).then(|| {
                *count.borrow_mut() += 1;
                changed.set(Some((*count.borrow(), difference)));
                Timeout::new(CHIP_MS, move || changed.set(None))
            });
            move || drop(timer)
        });
    }
    let classes = yew::classes!(changed.is_some().then_some("hot"), props.stale.then_some("stale"));
    let chip = changed.map(|(_, difference)| {
        let sign = if difference > 0 { '+' } else { '−' };
        html! { <i class="chip">{ sign }{ props.difference.emit(difference.unsigned_abs()) }</i> }
    });
    let suffix = (!props.suffix.is_empty()).then(|| html! { <small>{ &props.suffix }</small> });
    let key = changed.map_or(0, |(number, _)| number);
    html! { <b class="num"><span key={key} class={classes}>{ &props.text }{ suffix }</span>{ chip }</b> }
}
